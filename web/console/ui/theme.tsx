import { useState } from "react";

const KEY = "djaffar:theme";
const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === value) ?? "system";
}

export function applyTheme(theme = stored()): void {
  document.documentElement.dataset.theme = theme;
}

/** Light, dark, or as the system has it. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState(stored);
  function choose(value: Theme) {
    localStorage.setItem(KEY, value);
    applyTheme(value);
    setTheme(value);
  }
  return (
    <fieldset className="switch">
      <legend className="hidden">Theme</legend>
      {THEMES.map((value) => (
        <label key={value}>
          <input type="radio" name="theme" checked={theme === value} onChange={() => choose(value)} />
          <span>{value}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Calls back when the page turns dark or light. */
export function onThemeChange(listener: () => void): () => void {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  media.addEventListener("change", listener);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", listener);
  };
}
