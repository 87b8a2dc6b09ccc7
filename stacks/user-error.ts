/**
 * An error that a person can act on: what is wrong, where (config path, node, file), and what to do next.
 * Commands print it without a stack and exit with 1; every other error is a bug and keeps its stack.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly where: string;
  readonly next: string;

  constructor(problem: { what: string; where?: string; next: string }, options?: ErrorOptions) {
    const where = problem.where === undefined ? "" : `${problem.where}: `;
    super(`${where}${problem.what}\n  Next: ${problem.next}`, options);
    this.where = problem.where ?? "";
    this.next = problem.next;
  }
}
