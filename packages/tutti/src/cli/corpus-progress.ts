/** Says, while documentation is read, how much of it there is. The numbers are in what the first steps of the ingestion recorded. */
import { type JournalStore, joinValue } from '../journal/index.ts'
import { decode } from '../primitives/index.ts'
import type { Sighting } from '../run/index.ts'
import type { Corpus } from './corpus.ts'
import { plural } from './quantity.ts'
import type { View } from './view.port.ts'

const SOURCES = /(?:^tutti\.|\/)ingest\/sources$/
const SCAN = /^(.*ingest\/documents)\/scan$/

export class CorpusProgress {
  readonly #store: JournalStore
  readonly #expected = new Map<string, number>()

  constructor(store: JournalStore) {
    this.#store = store
  }

  /** How many items the map at this key will have. */
  readonly expected = (map: string): number | undefined => this.#expected.get(map)

  readonly see = (sighting: Sighting, view: View): void => {
    if (sighting.type !== 'entry' || sighting.entry.type !== 'step.completed') return
    const { key, value } = sighting.entry
    const scanned = SCAN.exec(key)?.[1]
    if (scanned === undefined && !SOURCES.test(key)) return
    const show = async (): Promise<void> => {
      const recorded = decode(await joinValue(value, (hash) => this.#store.blob(hash)))
      if (scanned === undefined) return sayCorpus(recorded as Corpus, view)
      const { files } = recorded as { files: readonly { state: string }[] }
      this.#expected.set(`${scanned}/document`, files.filter(({ state }) => state !== 'unchanged').length)
    }
    // Only a number on the screen depends on it.
    show().catch(() => {})
  }
}

function sayCorpus({ packages, without, origins, unchanged }: Corpus, view: View): void {
  if (unchanged) return
  if (packages.length === 0) return view.say(`Reading ${origins.join(', ')}.`)
  const lacking = without > 0 ? `; ${without} more bring none` : ''
  view.say(`Reading the documentation of ${plural(packages.length, 'package')}${lacking}.`)
}
