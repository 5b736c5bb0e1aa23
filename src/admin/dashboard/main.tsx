import './style/style.css'
import { render } from 'preact'
import { App } from './app.js'
import { identify, language, navigate, speak } from './state.js'

/** Links between pages do not load the program again. */
addEventListener('click', event => {
  const link = (event.target as Element).closest('a')
  const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0
  if (link === null || !isPlain || event.defaultPrevented) return
  if (link.origin !== location.origin || link.target !== '' || link.hasAttribute('download')) return
  if (link.pathname.startsWith('/api/') || link.hash !== '') return
  event.preventDefault()
  navigate(link.pathname + link.search)
})

void identify()
await speak(language.value, false)
render(<App />, document.getElementById('app')!)
