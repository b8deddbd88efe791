/**
 * What is said of a value that a rule of zod refuses, whatever is wrong with it: one sentence that
 * names the field as the panel does and says what it must be.
 */
export const says = (message: string) => ({ errorMap: () => ({ message }) });
