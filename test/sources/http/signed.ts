/* All made by minisign 0.12: keys with -G -W, the signature of old with -S -l. */

export const LIST = 'a.example\nb.example\n'
export const KEY = 'RWTIl49KFs6nqQ3kEOmbxVSSvJP2ZCjIaHGZRXDax7uSNqK3UjBi0yMg'
export const SIGNATURE = `untrusted comment: signature from minisign secret key
RUTIl49KFs6nqYskcCweT+1tWAOqdQu8RpG3ZOlv8l3MWd+RHo7ngnwJRnV0cT7BwWtLTxFK0BbMe5a6epSC3CU638qzCH2dFAA=
trusted comment: list of today
GBG/5N6QgmKrgd5t7Yg3WXC9q2VCAnAxf7GIxAjImfjfXRG0YpUWcqXeLsjvri3ko5x8vGV/RJLCHKYbu6DZAw==
`
