import { useEffect, useState } from 'preact/hooks'

/** Whether a media query matches now. */
export function useMedia(query: MediaQueryList): boolean {
  const [isMatch, setMatch] = useState(query.matches)
  useEffect(() => {
    const change = (): void => setMatch(query.matches)
    change()
    query.addEventListener('change', change)
    return () => query.removeEventListener('change', change)
  }, [query])
  return isMatch
}
