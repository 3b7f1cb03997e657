import { TuttiError } from '../../errors/index.ts'
import { type Link, undeclaredRetry } from '../links.ts'
import type { BatchPolicy, ModelRetry, OutputMode } from '../model.port.ts'

/**
 * What may be said around `batch`: how often an item is handed in again, and how its answer is asked for. The rest has no meaning for what is answered in hours, and is
 * refused rather than passed over. @throws CONFIG_INVALID
 */
export function aloneInBatch(policy: BatchPolicy, links: readonly Link[]): { retry: ModelRetry | undefined; outputMode: OutputMode | undefined } {
  const [link] = links
  const wrong = link && links.length === 1 ? aroundIt(link) : 'in a list'
  if (wrong)
    throw new TuttiError('CONFIG_INVALID', `batch('${policy.of}') stands ${wrong}, and is asked alone`, {
      hint: 'Around it there may be `retry` and `structured`. How long its answer is waited for is said in batch(…, { within }).',
    })
  const { retry, outputMode } = link as Link
  return { retry: retry === undeclaredRetry ? undefined : retry, outputMode }
}

function aroundIt({ guards, hedge, timeouts }: Link): string | undefined {
  const [guard] = guards
  const name = guard?.kind ?? (hedge ? 'hedge' : Object.keys(timeouts).length > 0 ? 'timeout' : undefined)
  return name && `under ${name}()`
}
