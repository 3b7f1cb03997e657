/** What is given to the functions that ask a model which does not converse: looked at before anything is held or asked. */
import { checkValue, is, type OptionKind } from '../primitives/index.ts'

const run: OptionKind = {
  fits: (value) => typeof value === 'object' && value !== null && '~core' in value,
  hint: () => "It is what the function of a flow is given: flow('work', async (input, run) => …).",
}

const asked = (by: string): OptionKind => ({
  fits: (value) => {
    const { provider, modelId, [by]: ask } = (value ?? {}) as Record<string, unknown>
    return typeof provider === 'string' && typeof modelId === 'string' && typeof ask === 'function'
  },
  hint: () => `It is a model of an AI SDK provider, an object with ${by}(), and no id of one.`,
})

/** @param by what the model is asked by: `doEmbed` @param texts what else is given, by name, each one text @throws CONFIG_INVALID */
export function checkMetered(called: string, given: { run: unknown; model: unknown; by: string; texts?: Readonly<Record<string, unknown>> }): void {
  checkValue(`the run that ${called} was given`, 'run', given.run, run)
  checkValue(`the model that ${called} was given`, 'model', given.model, asked(given.by))
  for (const [name, value] of Object.entries(given.texts ?? {})) checkValue(`the ${name} that ${called} was given`, name, value, is.text)
}

export const size: OptionKind<string> = {
  fits: (value) => typeof value === 'string' && /^\d+x\d+$/.test(value),
  hint: () => "It is a width and a height: '1024x1024'.",
}

export const bytes: OptionKind = { fits: (value) => value instanceof Uint8Array, hint: () => 'It is bytes, a Uint8Array.' }

export const seconds: OptionKind<number> = {
  fits: (value) => typeof value === 'number' && Number.isFinite(value) && value > 0,
  hint: () => 'It is a number of seconds above 0.',
}
