/**
 * A transport whose answers come behind the notifications that were sent before them. The library handles a notification a microtask after it has come and an answer at once, and with the
 * answer forgets whom to tell of progress: of a server that writes both in one go, the last progress would be lost.
 */
import type { Transport } from '@modelcontextprotocol/client'

type Hear = NonNullable<Transport['onmessage']>

/** The same transport; to be called before a client connects to it. */
export function inOrder<T extends Transport>(transport: T): T {
  let hear = transport.onmessage
  const later: Hear = (message, extra) => {
    if ('method' in message) hear?.(message, extra)
    else queueMicrotask(() => hear?.(message, extra))
  }
  return Object.defineProperty(transport, 'onmessage', {
    get: () => hear && later,
    set: (next: Hear | undefined) => {
      hear = next
    },
  })
}
