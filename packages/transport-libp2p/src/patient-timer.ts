/**
 * A time limit that does not blame others for a stall of this process. After a stall Node runs what timers are due before it reads
 * the sockets, so a plain timer would end exchanges whose answer arrived in time and lies unread. This one waits until
 * the sockets have been read once more.
 */

/** Calls `task` once, `delayMs` from now or later. Answers how to call it off. */
export function patientTimer(delayMs: number, task: () => void): () => void {
  let calledOff = false;
  const timer = setTimeout(() => {
    // Immediates run right after the sockets of this turn; what they deliver may need the turn after that.
    setImmediate(() => setImmediate(() => (calledOff ? undefined : task())));
  }, delayMs);
  // What keeps a process alive is its sockets.
  timer.unref();
  return () => {
    calledOff = true;
    clearTimeout(timer);
  };
}
