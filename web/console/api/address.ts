/** Where something of the server is, wherever the server is nested. */
export function address(path: string): URL {
  return new URL(path, document.baseURI);
}
