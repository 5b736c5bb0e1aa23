declare const enumeration: unique symbol

/**
 * A number that stands for one value of an enumeration, such as `MATCH`. It can be used as a number, but neither a plain
 * number nor a code of another enumeration can be used for it. Only the compiler knows: at run time it is a number.
 *
 * The constants name their type once (`0 as Match`); where a code is read from memory, `as` is the only cast.
 */
export type Code<Enumeration extends string> = number & { readonly [enumeration]: Enumeration }
