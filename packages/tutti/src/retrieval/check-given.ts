/** What is given to the functions of `tutti/retrieval`: looked at first, for junk that is split or searched is an answer of nothing. */
import { checkValue, is, type OptionKind } from '../primitives/index.ts'
import type { Document, MediaType } from './document.ts'

/** @throws CONFIG_INVALID @param name as it reads in `the text that split() was given` */
export function checkText(called: string, name: string, given: unknown): void {
  // Asked of every sentence: nothing is said before there is a reason to.
  if (typeof given !== 'string') checkValue(`the ${name} that ${called} was given`, name, given, is.text)
}

export const mediaTypes: OptionKind<MediaType> = is.oneOf('text/markdown', 'text/mdx', 'text/html', 'text/plain')

/** @throws CONFIG_INVALID */
export function checkDocument(called: string, given: Pick<Document, 'text' | 'mediaType' | 'meta'>): void {
  checkValue(`the document that ${called} was given`, 'document', given, is.object)
  checkValue(`the text of the document that ${called} was given`, 'text', given.text, is.text)
  checkValue(`the mediaType of the document that ${called} was given`, 'mediaType', given.mediaType, mediaTypes)
  checkValue(`the meta of the document that ${called} was given`, 'meta', given.meta, is.object)
}
