/** A UUID of version 7; `crypto.randomUUID` makes no such, and none at all on plain HTTP. */
export const uuid = (time: number): string =>
  `0${time.toString(16)}-7xxx-8xxx-xxxxxxxxxxxx`
    .replace(/x/g, () => ((Math.random() * 16) | 0).toString(16))
    .replace(/.{8}/, "$&-");
