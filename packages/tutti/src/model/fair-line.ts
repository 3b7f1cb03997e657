/** Who waits for a turn: tenants take turns, and in each tenant its runs do, so that one that asks for a thousand things holds up nobody else. */

export interface Waiting {
  readonly tenant: string
  readonly run: string
}

/** Maps keep the order in which their keys were added: who was served goes to the end. */
export class FairLine<W extends Waiting> {
  readonly #tenants = new Map<string, Map<string, W[]>>()
  #length = 0

  get length(): number {
    return this.#length
  }

  join(waiting: W): void {
    const { tenant, run } = waiting
    const runs = this.#tenants.get(tenant) ?? new Map<string, W[]>()
    this.#tenants.set(tenant, runs)
    const line = runs.get(run)
    if (line) line.push(waiting)
    else runs.set(run, [waiting])
    this.#length++
  }

  /** Whose turn it is. */
  first(): W | undefined {
    for (const runs of this.#tenants.values()) for (const line of runs.values()) return line[0]
    return undefined
  }

  /** The first has had its turn. */
  served(): W | undefined {
    for (const [tenant, runs] of this.#tenants) {
      for (const [run, line] of runs) {
        const waiting = line.shift()
        this.#length--
        runs.delete(run)
        if (line.length > 0) runs.set(run, line)
        this.#tenants.delete(tenant)
        if (runs.size > 0) this.#tenants.set(tenant, runs)
        return waiting
      }
    }
    return undefined
  }

  leave(waiting: W): void {
    const runs = this.#tenants.get(waiting.tenant)
    const line = runs?.get(waiting.run)
    const at = line?.indexOf(waiting) ?? -1
    if (!runs || !line || at < 0) return
    line.splice(at, 1)
    this.#length--
    if (line.length === 0) runs.delete(waiting.run)
    if (runs.size === 0) this.#tenants.delete(waiting.tenant)
  }
}
