import {
  failureAt,
  type ErrorCode,
  type ErrorDetail,
  type InterdictError
} from '../../base/error.js'
import type { Position } from '../../base/position.js'
import type { Path } from '../../yaml/issues.js'
import { showPath, type ParsedYaml } from '../../yaml/read.js'

/**
 * Where in `networks.yaml` the reading is. Gathers the errors and warnings that are found there,
 * so that all of them are told at once.
 */
export class Location {
  constructor(
    private readonly yaml: ParsedYaml<unknown>,
    /** As rules and the query log name the file: from the rules folder. */
    readonly file: string,
    readonly errors: InterdictError[] = [],
    readonly warnings: InterdictError[] = [],
    readonly path: Path = []
  ) {}

  /** The place of a part of what is here. */
  at(...steps: Path): Location {
    const { yaml: reading, file, errors, warnings, path } = this
    return new Location(reading, file, errors, warnings, [...path, ...steps])
  }

  /** For rules: a position that stays the same wherever the rules folder is. */
  get position(): Position {
    return { ...this.messagePosition, file: this.file }
  }

  /** For rules with a name that is a key: where the key is. */
  get keyPosition(): Position {
    return { ...this.yaml.positionOf(this.path, 'key'), file: this.file }
  }

  /** For messages. */
  get messagePosition(): Position {
    return this.yaml.positionOf(this.path)
  }

  /** `networks.local.bans[0]` */
  get pathText(): string {
    return showPath(this.path)
  }

  /** Adds an error here. */
  error<C extends ErrorCode>(code: C, ...detail: ErrorDetail<C>): void {
    this.errors.push(failureAt(this.messagePosition, code, ...detail))
  }

  /** Adds a warning here. */
  warn<C extends ErrorCode>(code: C, ...detail: ErrorDetail<C>): void {
    this.warnings.push(failureAt(this.messagePosition, code, ...detail))
  }
}
