/** An error that lies between values of a configuration. */
export interface Conflict {
  readonly path: readonly (string | number)[];
  readonly message: string;
}
