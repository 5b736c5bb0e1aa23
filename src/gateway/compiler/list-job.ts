import { InterdictError, type ErrorCode } from '../../base/errors/error.js'
import type { Position } from '../../base/errors/position.js'
import {
  listOrigin,
  loadList,
  type ListContent,
  type ListOrigin,
  type ListRequest
} from '../../policy/rules/lists/load-list.js'
import { packSource, type PackedSourceData } from '../../policy/rules/lists/packed-source.js'
import { RulesFolder, type FilesLocation } from '../../policy/rules/model/folder.js'

/** The start parameters of a list thread. */
export interface ListInit {
  readonly location: FilesLocation
  readonly request: ListRequest
}

/** What a list thread posts: a `LoadedList` as plain data. */
export interface ListResult {
  /** As the list was when the thread began to read it. */
  readonly origin: ListOrigin
  readonly content:
    (Omit<ListContent, 'sources'> & { readonly sources: readonly PackedSourceData[] }) | undefined
  readonly errors: readonly PlainError[]
  readonly warnings: readonly PlainError[]
  /** Whether a retry may succeed with the same files. */
  readonly isTransient: boolean
}

/** Reads and checks a list. */
export async function runListJob({ location, request }: ListInit): Promise<ListResult> {
  const folder = new RulesFolder(location.path, location)
  const origin = (await listOrigin(folder, request))!
  const { content, errors, warnings } = await loadList(folder, request)
  return {
    origin,
    content: content && { ...content, sources: content.sources.map(packSource) },
    errors: errors.map(plainError),
    warnings: warnings.map(plainError),
    isTransient: folder.hadTransientError
  }
}

/** An `InterdictError` as plain data: Node sends other fields of errors to no other thread. */
export interface PlainError {
  readonly code: ErrorCode
  readonly message: string
  readonly position: Position | undefined
}

function plainError({ code, message, position }: InterdictError): PlainError {
  return { code, message, position }
}

export function errorOf({ code, message, position }: PlainError): InterdictError {
  return new InterdictError(code, message, position && { position })
}
