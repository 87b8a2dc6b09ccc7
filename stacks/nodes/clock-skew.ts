/**
 * Seconds by which a node's clock is ahead of this machine's (negative: behind). The node read its clock at some moment between
 * question and answer, so half the round trip may be no skew at all: it is subtracted, and what is left is certain.
 * @param sentAt Unix time here when the question went out, in milliseconds
 * @param receivedAt Unix time here when the answer was there, in milliseconds
 * @param nodeClock Unix time there, in seconds
 */
export function clockSkew(sentAt: number, receivedAt: number, nodeClock: number): number {
  const offset = nodeClock - (sentAt + receivedAt) / 2000;
  const doubt = (receivedAt - sentAt) / 2000;
  const certain = Math.round((Math.abs(offset) - doubt) * 1000) / 1000;
  if (certain <= 0) return 0;
  return offset < 0 ? -certain : certain;
}
