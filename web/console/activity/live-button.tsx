import { useLiveState } from "../api/live";

interface ButtonProps {
  isLive: boolean;
  /** The server has broken off what was watched. */
  isBroken: boolean;
  onClick: () => void;
}

const SAID = { connecting: "Connecting …", connected: "Live", reconnecting: "Reconnecting …" };

/** Whether what is logged is shown at once; it says so only while that is true. */
export function LiveButton({ isLive, isBroken, onClick }: ButtonProps) {
  const connection = useLiveState();
  const state = isBroken ? "reconnecting" : connection;
  return (
    <button className="live" aria-pressed={isLive} data-state={isLive ? state : "paused"} onClick={onClick}>
      {isLive ? SAID[state] : "Paused"}
    </button>
  );
}
