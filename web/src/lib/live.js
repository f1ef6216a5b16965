// One WebSocket that looks after itself: jittered backoff from 1 to 30 s, a pause while the page is hidden,
// and polling while there is no connection. Data is whatever the socket or the poll brings; both look alike.

const FIRST_WAIT = 1000
const LONGEST_WAIT = 30_000
const SESSION_ENDED = 4401

/** @typedef {{ state: "connecting" | "live" | "reconnecting" | "offline", retryAt: number | null }} LiveState */

export class Live {
  #url
  #options
  /** @type {WebSocket | null} */
  #socket = null
  #failures = 0
  #stopped = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pollTimer

  /**
   * @param {string} path
   * @param {{ onMessage: (message: any) => void, onState: (state: LiveState) => void, poll: () => Promise<void>,
   *           pollSeconds: number, pauseWhenHidden: boolean, onSessionEnd?: () => Promise<boolean> }} options
   */
  constructor(path, options) {
    this.#url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`
    this.#options = options
    document.addEventListener("visibilitychange", this.#visibilityChanged)
    addEventListener("online", this.#connect)
    addEventListener("pagehide", () => this.#closeSocket())
    addEventListener("pageshow", event => event.persisted && this.#connect())
    this.#connect()
  }

  stop() {
    this.#stopped = true
    clearTimeout(this.#retryTimer)
    clearInterval(this.#pollTimer)
    document.removeEventListener("visibilitychange", this.#visibilityChanged)
    this.#closeSocket()
  }

  #connect = () => {
    if (this.#stopped || this.#socket) return
    clearTimeout(this.#retryTimer)
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    socket.addEventListener("open", () => {
      this.#failures = 0
      clearInterval(this.#pollTimer)
      this.#pollTimer = undefined
      this.#options.onState({ state: "live", retryAt: null })
    })
    socket.addEventListener("message", event => {
      const message = JSON.parse(event.data)
      if (message.type === "reconnect") socket.close()
      else this.#options.onMessage(message)
    })
    socket.addEventListener("close", event => {
      if (this.#socket !== socket) return
      this.#socket = null
      if (event.code === SESSION_ENDED) this.#renew()
      else this.#retryLater()
    })
  }

  async #renew() {
    try {
      if (await this.#options.onSessionEnd?.()) this.#connect()
    } catch {
      this.#retryLater()
    }
  }

  #retryLater() {
    if (this.#stopped || (document.hidden && this.#options.pauseWhenHidden)) return
    const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures)
    const wait = Math.max(FIRST_WAIT, ceiling * (0.5 + Math.random() / 2))
    this.#failures += 1
    this.#options.onState({ state: this.#failures > 3 ? "offline" : "reconnecting", retryAt: Date.now() + wait })
    this.#retryTimer = setTimeout(this.#connect, wait)
    this.#startPolling()
  }

  #startPolling() {
    if (this.#pollTimer) return
    const poll = () => this.#options.poll().catch(() => {})
    this.#pollTimer = setInterval(poll, this.#options.pollSeconds * 1000)
    poll()
  }

  #visibilityChanged = () => {
    if (!document.hidden) this.#connect()
    else if (this.#options.pauseWhenHidden) {
      clearTimeout(this.#retryTimer)
      clearInterval(this.#pollTimer)
      this.#pollTimer = undefined
      this.#closeSocket()
    }
  }

  #closeSocket() {
    const socket = this.#socket
    this.#socket = null
    socket?.close()
  }
}
