import {
  failureAt,
  type ErrorCode,
  type ErrorDetail,
  type InterdictError
} from '../../base/error.js'
import type { Position } from '../../base/position.js'
import type { Path } from '../../yaml/issues.js'
import { showPath, type Reading } from '../../yaml/read.js'

/**
 * Where in `networks.yaml` the reading is. Gathers the errors and warnings that are found there,
 * so that all of them are told at once.
 */
export class Place {
  constructor(
    private readonly reading: Reading<unknown>,
    /** As rules and the query log name the file: from the rules folder. */
    readonly file: string,
    readonly errors: InterdictError[] = [],
    readonly warnings: InterdictError[] = [],
    readonly path: Path = []
  ) {}

  /** The place of a part of what is here. */
  at(...steps: Path): Place {
    const { reading, file, errors, warnings, path } = this
    return new Place(reading, file, errors, warnings, [...path, ...steps])
  }

  /** For rules: a position that stays the same wherever the rules folder is. */
  get position(): Position {
    return { ...this.shownPosition, file: this.file }
  }

  /** For rules with a name that is a key: where the key is. */
  get keyPosition(): Position {
    return { ...this.reading.positionOf(this.path, 'key'), file: this.file }
  }

  /** For messages. */
  get shownPosition(): Position {
    return this.reading.positionOf(this.path)
  }

  /** `networks.local.bans[0]` */
  get text(): string {
    return showPath(this.path)
  }

  /** Adds an error here. */
  refuse<C extends ErrorCode>(code: C, ...detail: ErrorDetail<C>): void {
    this.errors.push(failureAt(this.shownPosition, code, ...detail))
  }

  /** Adds a warning here. */
  warn<C extends ErrorCode>(code: C, ...detail: ErrorDetail<C>): void {
    this.warnings.push(failureAt(this.shownPosition, code, ...detail))
  }
}
