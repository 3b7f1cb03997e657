/** Letting runs go before their process ends: what is under way may finish, and what cannot be finished does not keep the process from ending. */
import { systemClock } from '../../primitives/index.ts'
import type { LiveRun } from './live-run.ts'

/** So long a store has for the last entries of the runs that are given up: one that does not answer must not keep the process from ending. */
export const LAST_WORD_MS = 2_000

/** For half of the time the runs go on as they do, and may end. Then no step begins any more, so that none is cut off that does not take longer. */
export async function letFinish(lives: readonly LiveRun[], graceMs: number): Promise<void> {
  const began = systemClock.now()
  await until(began + graceMs / 2, () => lives.every(({ activation }) => activation.over || activation.resting))
  for (const { activation } of lives) activation.pause.close()
  await until(began + graceMs, () => lives.every(({ activation: { over, underWay, pause } }) => over || underWay.count === pause.asleep))
}

/** Resolves with `work`, or when its time is over. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let forget = (): void => {}
  const over = new Promise<void>((resolve) => {
    forget = systemClock.alarm(systemClock.now() + ms, resolve)
  })
  await Promise.race([work, over]).finally(() => forget())
}

/** Looks at least once after a while: what was just asked for is under way by then. */
async function until(time: number, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise<void>((resolve) => void systemClock.alarm(systemClock.now() + 5, resolve))
    if (systemClock.now() >= time) return
  }
}
