/**
 * The model that answers when nobody declared one. In this order: `TUTTI_MODEL`; the first provider of the table whose key is in the environment and
 * whose package is installed; a server on this machine (`TUTTI_LOCAL_URL`, else Ollama's usual address); else `tutti/extractive`.
 * What was chosen and why is shown to people, and recorded with each call.
 */
import { probeServer } from './local-server.ts'
import { isInstalled } from './provider-package.ts'
import { providerTable } from './provider-table.ts'
import { hasKeys, type ResolveOptions, settingOf } from './resolve.ts'

export interface Choice {
  readonly model: string
  readonly why: string
}

/** Never throws, and takes at most 300 ms. */
export async function chooseModel(o: ResolveOptions & { probe?: ((baseUrl: string) => Promise<string | undefined>) | undefined }): Promise<Choice> {
  const { env, cwd, probe = probeServer } = o
  if (env.TUTTI_MODEL) return { model: env.TUTTI_MODEL, why: 'TUTTI_MODEL says so' }
  const notInstalled: string[] = []
  for (const [provider, line] of Object.entries(providerTable)) {
    if (line.defaultModel === undefined || line.needs.length === 0 || !hasKeys(line, env)) continue
    const key = settingOf(line, 'apiKey', env)?.variable ?? line.package
    if (isInstalled(line.package, cwd)) return { model: `${provider}/${line.defaultModel}`, why: `${key} is set` }
    notInstalled.push(`${key} is set but ${line.package} is not installed (npm install ${line.package})`)
  }
  const provider = env.TUTTI_LOCAL_URL ? 'local' : 'ollama'
  const line = providerTable[provider]
  const url = (line && settingOf(line, 'baseURL', env)?.value) ?? line?.localUrl ?? ''
  const served = await probe(url)
  if (served !== undefined && line) {
    if (isInstalled(line.package, cwd)) return { model: `${provider}/${served}`, why: `a server at ${url} answers` }
    notInstalled.push(`a server at ${url} answers but ${line.package} is not installed (npm install ${line.package})`)
  }
  const why = notInstalled.length > 0 ? notInstalled.join('; ') : 'no key in the environment and no model server on this machine'
  return { model: 'tutti/extractive', why }
}
