/** What is wrong with a file or a value that a person wrote, where, and what to do: for people, without a stack. */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly where: string;
  readonly what: string;
  readonly next: string;

  constructor(problem: { where: string; what: string; next: string }, options?: ErrorOptions) {
    super(`${problem.where}: ${problem.what}\n  Next: ${problem.next}`, options);
    this.where = problem.where;
    this.what = problem.what;
    this.next = problem.next;
  }
}
