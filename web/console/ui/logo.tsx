export function Logo() {
  return (
    <span className="logo">
      <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
        <rect width="16" height="16" rx="4" fill="var(--accent-fill)" />
        <path d="M3 10.5 6 7l2.5 2.5L13 5" stroke="#fff" strokeWidth="1.8" fill="none" strokeLinecap="round" strokeLinejoin="round" />
      </svg>
      djaffar
    </span>
  );
}
