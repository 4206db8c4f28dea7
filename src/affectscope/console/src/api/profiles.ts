/** Profiles, and what the low-rate sampler saw added up. */

import { get } from "./client";

export const KINDS = ["request", "sampled", "stall"] as const;
export type Kind = (typeof KINDS)[number];

export const KIND_WORDS: Record<Kind, { readonly one: string; readonly meaning: string }> = {
  request: { one: "Request", meaning: "One request, profiled with ?profile=true" },
  sampled: { one: "Sampled", meaning: "What the low-rate sampler saw in a minute" },
  stall: { one: "Stall", meaning: "The stack of an event loop that stood still" },
};

/** Of the weights of stacks. */
export type ProfileUnit = "microseconds" | "samples";

export interface ProfileSummary {
  readonly id: number;
  readonly service: string;
  readonly kind: Kind;
  /** Seconds since the epoch. */
  readonly start: number;
  readonly seconds: number;
  readonly trace_id: string | null;
  readonly endpoint: string | null;
  readonly unit: ProfileUnit;
  readonly total: number;
}

/** A frame with all that it called; the heaviest child first. */
export interface FlameNode {
  readonly name: string;
  readonly value: number;
  readonly children: readonly FlameNode[];
}

export interface Profile extends ProfileSummary {
  readonly stacks: string;
  readonly tree: FlameNode;
}

export interface MergedFlame {
  readonly service: string;
  readonly start: number;
  readonly end: number;
  readonly unit: ProfileUnit;
  readonly total: number;
  readonly tree: FlameNode;
}

/** What to look for; what is "" or undefined is not asked. */
export interface ProfileQuestion {
  readonly start: number;
  readonly end: number;
  readonly service?: string | undefined;
  readonly kind?: string | undefined;
  readonly limit: number;
}

export async function profiles(
  question: ProfileQuestion,
  signal?: AbortSignal,
): Promise<readonly ProfileSummary[]> {
  const path = "api/profiles";
  return (await get<{ profiles: ProfileSummary[] }>(path, { ...question }, signal)).profiles;
}

export function profile(id: string, signal?: AbortSignal): Promise<Profile> {
  return get<Profile>(`api/profiles/${encodeURIComponent(id)}`, {}, signal);
}

export function merged(
  service: string,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<MergedFlame> {
  return get<MergedFlame>("api/flame", { service, start, end }, signal);
}
