/** How a long journal is read without holding up the event loop: so many entries, then everybody else's turn. */
export const READ_PAGE = 512

/** Resolves in the next turn of the event loop. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
/** How many runs a list holds when nobody says. */
export const LIST_LIMIT = 100
