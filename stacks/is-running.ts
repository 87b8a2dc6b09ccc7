/** Whether a process of this id runs on this machine, whoever's it is. */
export function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (error) {
    // A process of somebody else's answers with EPERM.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
