/** The address after `#`: a path and parameters, such as `#/traces?service=chat&range=1h`. */

import { addressOf, parseAddress, type Address, type Parameters } from "./address";
import { rangeParameters } from "./ranges";

class Router {
  #address = $state.raw<Address>(parseAddress(location.hash));

  constructor() {
    addEventListener("hashchange", () => {
      this.#address = parseAddress(location.hash);
    });
  }

  /** Such as `/traces` or `/traces/4bf9…`; `/` at the beginning. */
  get path(): string {
    return this.#address.path;
  }

  get parameters(): Readonly<Record<string, string>> {
    return this.#address.parameters;
  }

  /** A parameter of the address, or the fallback. */
  get(name: string, fallback = ""): string {
    return this.#address.parameters[name] ?? fallback;
  }

  /**
   * Return an address for a link, with the range of time that is shown now.
   *
   * Parameters that are undefined, null or "" are left out. A range of its own (`range`, or `start`
   * and `end` in seconds since the epoch) replaces the one that is shown.
   */
  href(path: string, parameters: Parameters = {}): string {
    const hasRange = "range" in parameters || "start" in parameters || "end" in parameters;
    const range = hasRange ? {} : rangeParameters(this.#address.parameters);
    return addressOf(path, { ...range, ...parameters });
  }

  /** Go to an address that `href` gave. */
  go(address: string): void {
    location.hash = address;
  }

  /** Change parameters of this page, in place: the button Back does not stop here. */
  set(changes: Parameters): void {
    const address = addressOf(this.path, { ...this.parameters, ...changes });
    history.replaceState(null, "", address);
    this.#address = parseAddress(address);
  }
}

export const router = new Router();
