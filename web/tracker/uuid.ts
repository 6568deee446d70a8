/** A UUID of version 7; `crypto.randomUUID` makes no such, and none at all on plain HTTP. */
export const uuid = (time: number): string =>
  `0${time.toString(16)}7xxx8xxxxxxxxxxxxxxx`
    .replace(/x/g, () => (crypto.getRandomValues(new Uint8Array(1))[0]! & 15).toString(16))
    .replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
