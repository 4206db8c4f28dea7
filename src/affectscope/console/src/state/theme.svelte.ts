/** Dark or light: as the system says, until somebody chooses. */

export type ThemeChoice = "system" | "light" | "dark";

const KEY = "affectscope-theme";
const darkSystem = matchMedia("(prefers-color-scheme: dark)");

function stored(): ThemeChoice {
  try {
    const found = localStorage.getItem(KEY);
    return found === "light" || found === "dark" ? found : "system";
  } catch {
    return "system";
  }
}

class Theme {
  choice = $state<ThemeChoice>(stored());
  #systemIsDark = $state(darkSystem.matches);
  /** What is shown; what draws on a canvas reads it so that it draws anew. */
  readonly shown = $derived<"light" | "dark">(
    this.choice === "system" ? (this.#systemIsDark ? "dark" : "light") : this.choice,
  );

  constructor() {
    darkSystem.addEventListener("change", (event) => {
      this.#systemIsDark = event.matches;
      this.apply();
    });
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    try {
      if (choice === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // Without storage the choice holds until the page is left.
    }
    this.apply();
  }

  apply(): void {
    document.documentElement.dataset.theme = this.shown;
  }
}

export const theme = new Theme();
