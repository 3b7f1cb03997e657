/** Watches a run to its next rest, and leaves it in a state from which `resume` goes on when the person at the terminal has had enough. */
import type { RunId } from '../primitives/index.ts'
import { EmbeddedHandle, type RunEngine, type RunOutcome, Seen, type Sighting } from '../run/index.ts'
import { exitCode } from './exit-code.ts'
import { RunPicture } from './picture.ts'
import type { Terminal } from './terminal.ts'
import type { View, ViewOptions } from './view.port.ts'
import { viewFor } from './view.ts'
import { queuedLine } from './waits.ts'

export interface Driven<O> {
  readonly outcome: RunOutcome<O>
  readonly picture: RunPicture
  /** Ctrl-C came before its end, and it can be resumed. */
  readonly interrupted: boolean
}

export interface DriveOptions extends ViewOptions {
  readonly see?: ((sighting: Sighting, view: View) => void) | undefined
}

/** After the first Ctrl-C, what is under way may finish for so long. */
const GRACE_MS = 500

/** The run must have been started or activated. Closes the engine. */
export async function drive<O>(engine: RunEngine, run: RunId, terminal: Terminal, o: DriveOptions = {}): Promise<Driven<O>> {
  const picture = new RunPicture()
  const view = viewFor(terminal, picture, o)
  const interruption = listen(terminal, view)
  let following: Following | undefined
  try {
    following = await follow(engine, run, (sighting) => {
      if (sighting.type === 'entry') picture.take(sighting.entry)
      o.see?.(sighting, view)
      view.see(sighting)
    })
    const handle = new EmbeddedHandle<O>(engine, run)
    const outcome = pastQueue(engine, handle, view)
    const first = await Promise.race([outcome, interruption.came])
    await following.caughtUp()
    if (first !== undefined) return { outcome: first, picture, interrupted: false }
    await engine.close({ graceMs: GRACE_MS })
    const last = await outcome
    await following.caughtUp()
    return { outcome: last, picture, interrupted: !picture.ended }
  } finally {
    following?.stop()
    view.close()
    interruption.stop()
    await engine.close({ graceMs: 0 })
  }
}

/** Where it rests once it has begun; that it is queued is said. */
async function pastQueue<O>(engine: RunEngine, handle: EmbeddedHandle<O>, view: View): Promise<RunOutcome<O>> {
  for (let said = ''; ; ) {
    const rest = await handle.outcome()
    if (rest.status !== 'queued') return rest
    const text = queuedLine(rest)
    if (text !== said) view.say(text)
    said = text
    await new Promise<void>((resolve) => {
      const unwatch = engine.watchStanding(handle.id, () => {
        unwatch()
        resolve()
      })
    })
  }
}

/** The first Ctrl-C asks, the second ends the process. */
function listen(terminal: Terminal, view: View): { readonly came: Promise<undefined>; stop(): void } {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  let count = 0
  const stop = terminal.onInterrupt(() => {
    if (++count > 1) {
      view.close()
      terminal.exit(exitCode.interrupted)
    }
    view.say('Stopping; what is recorded stays. Ctrl-C again to end at once.')
    resolve(undefined)
  })
  return { came: promise, stop }
}

interface Following {
  /** All there is by now has been seen. */
  caughtUp(): Promise<void>
  stop(): void
}

/** Its history, then what happens, here or elsewhere, without a gap and without doubles. */
async function follow(engine: RunEngine, run: RunId, see: (sighting: Sighting) => void): Promise<Following> {
  const seen = new Seen(engine, run, 0)
  let last = 0
  let isOver = false
  let looking = Promise.resolve()
  const look = (): Promise<void> => {
    looking = looking.then(lookOn)
    return looking
  }
  const lookOn = async (): Promise<void> => {
    for await (const sighting of seen.since(last)) {
      if (sighting.type === 'entry') last = sighting.entry.seq
      see(sighting)
    }
  }
  await look()
  const goOn = async (): Promise<void> => {
    while (!isOver) {
      await seen.more()
      if (!isOver) await look()
    }
  }
  // What cannot be read is said by whoever waits for its outcome.
  goOn().catch(() => {})
  return {
    caughtUp() {
      // Its outcome may have been read from the store before anybody told of what led to it.
      seen.lookElsewhere()
      return look().catch(() => {})
    },
    stop() {
      isOver = true
      seen.close()
    },
  }
}
