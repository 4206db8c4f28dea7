/** The admin token, kept for this tab only. */

const KEY = "affectscope-token";

function stored(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

class Session {
  token = $state(stored());
  /** Whether the observatory refused the last request for want of a (right) token. */
  refused = $state(false);

  remember(token: string): void {
    this.token = token.trim();
    this.refused = false;
    try {
      if (this.token) sessionStorage.setItem(KEY, this.token);
      else sessionStorage.removeItem(KEY);
    } catch {
      // Without storage the token holds until the page is left.
    }
  }
}

export const session = new Session();
