// GitHub as npm's emulate plays it, on a free port, until standard input closes. Its seed is the first argument; prints its URL.
import { createEmulator } from 'emulate'

const seed = JSON.parse(process.argv[2])
const port = Number(process.argv[3])
const github = await createEmulator({ service: 'github', port, seed, baseUrl: `http://127.0.0.1:${port}` })
console.log(`http://127.0.0.1:${port}`)
process.stdin.resume()
process.stdin.on('end', async () => {
  await github.close()
  process.exit(0)
})
