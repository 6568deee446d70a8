/** A UUID of version 7, without dashes; `crypto.randomUUID` makes no such, and none at all on plain HTTP. */
export const uuid = (time: number): string =>
  (0 + time.toString(16) + "7xxx8xxxxxxxxxxxxxxx").replace(/x/g, () => Math.random().toString(16)[2]!);
