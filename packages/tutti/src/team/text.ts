import { encode } from '../primitives/index.ts'

/** What a member answered, as others read it. */
export const textOfOutput = (output: unknown): string => (typeof output === 'string' ? output : JSON.stringify(encode(output)))

/** The members of a team, one a line. */
export const roster = (members: readonly { readonly name: string; readonly description?: string | undefined }[]): string =>
  members.map(({ name, description }) => `- ${name}${description ? `: ${description}` : ''}`).join('\n')
