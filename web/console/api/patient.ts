/** So often a question is asked again of a server that is busy, and so long it may want to be left alone, in seconds. */
const TRIES = 5;
const PATIENCE = 10;

/** A change may have been made all the same: whoever wants it looks first. */
const isChange = (body: unknown) => /"query":"\s*mutation\b/.test(String(body));

/** Fetches, and comes back when a server that is busy (503) has said to: nobody has to press a button for that. */
export async function patient(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(input, init);
    const after = Number(response.headers.get("retry-after"));
    const isBusy = response.status === 503 && after > 0 && after <= PATIENCE;
    if (!isBusy || tries > TRIES || isChange(init?.body)) return response;
    await new Promise((done) => setTimeout(done, after * 1_000));
  }
}
