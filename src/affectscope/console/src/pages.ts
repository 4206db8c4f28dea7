/** All pages, in the order of the navigation. */

import type { Component } from "svelte";

export interface PageProps {
  /** What follows the page's path in the address: for `/traces/4bf9…` it is `4bf9…`, else "". */
  readonly id: string;
}

export interface Page {
  /** Address, also of everything below it. */
  readonly path: string;
  readonly title: string;
  /** Whether it shows a range of time, and so the field that chooses one. */
  readonly ranged: boolean;
  readonly load: () => Promise<{ readonly default: Component<PageProps> }>;
}

export const PAGES: readonly Page[] = [
  { path: "/", title: "Overview", ranged: true, load: () => import("./pages/Overview.svelte") },
  { path: "/services", title: "Services", ranged: true, load: () => import("./pages/Services.svelte") },
  { path: "/traces", title: "Traces", ranged: true, load: () => import("./pages/Traces.svelte") },
  { path: "/logs", title: "Logs", ranged: true, load: () => import("./pages/Logs.svelte") },
  { path: "/profiles", title: "Profiles", ranged: true, load: () => import("./pages/Profiles.svelte") },
  { path: "/alerts", title: "Alerts", ranged: true, load: () => import("./pages/Alerts.svelte") },
  { path: "/load-tests", title: "Load tests", ranged: false, load: () => import("./pages/LoadTests.svelte") },
];

/** Return the page of a path, and what follows the page's own path; null if there is none. */
export function pageOf(path: string): { page: Page; id: string } | null {
  for (const page of PAGES) {
    if (path === page.path) return { page, id: "" };
    const below = `${page.path}/`;
    if (page.path !== "/" && path.startsWith(below)) {
      return { page, id: decoded(path.slice(below.length)) };
    }
  }
  return null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
