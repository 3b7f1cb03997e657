/** Looks for an OpenAI-compatible server on this machine, and which model it serves. */

/** How long a server on this machine may take to say that it is there. */
const probeMs = 300

/**
 * The first model that the server at `baseUrl` lists; `undefined` when it does not answer in 300 ms, or lists none. Only the addresses of this machine, or
 * one the user named, are ever asked.
 */
export async function probeServer(baseUrl: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${baseUrl.replace(/\/$/, '')}/models`, { signal: AbortSignal.timeout(probeMs), redirect: 'error' })
    if (!response.ok) return undefined
    const { data } = (await response.json()) as { data?: readonly { id?: unknown }[] }
    const id = data?.find(({ id }) => typeof id === 'string' && !/embed/i.test(id))?.id
    return typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}
