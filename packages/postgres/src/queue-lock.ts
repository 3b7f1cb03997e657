/** The advisory lock of a queue: whoever decides who is next holds it alone, whoever joins shares it. @param flow an expression of SQL */
export const queueLock = (flow: string): string => `hashtextextended('queue of ' || ${flow}, 1)`
