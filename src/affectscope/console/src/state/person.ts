/** The name of who takes alerts on and silences them, remembered in this browser. */

const KEY = "affectscope-name";

export function rememberedName(): string {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export function rememberName(name: string): void {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Then it is asked for again the next time.
  }
}
