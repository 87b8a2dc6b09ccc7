import { podFiles, type PodFiles } from "../pod-files.ts";

/** The benchmark's source; its digest is a plan's `runner`. */
export type RunnerFiles = PodFiles;

export function runnerFiles(): RunnerFiles {
  return podFiles("benchmark");
}
