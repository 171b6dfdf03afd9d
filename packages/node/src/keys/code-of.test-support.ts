/** How something ended, as one word to compare: a refusal that does not come is then a difference, and not an error of the test. */

/** The code with which it was refused, the message where there is no code, "none" where it was not refused. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    return "code" in error ? String(error.code) : error.message;
  }
}
