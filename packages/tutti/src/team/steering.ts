import { wordsSent } from '../agent/index.ts'
import type { Run } from '../run/index.ts'

/** Tells all who take part what a person has said to the run meanwhile. */
export async function tellSteering(run: Run, all: readonly { hear(text: string): void }[]): Promise<void> {
  for (const said of await wordsSent(run)) for (const each of all) each.hear(`The user: ${said}`)
}
