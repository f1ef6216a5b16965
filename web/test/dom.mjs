// What the modules of the pages find around them when they run in Node: no elements, only an empty catalogue.

Object.assign(globalThis, {
  document: { getElementById: () => null, documentElement: { lang: "en" } },
  HTMLElement: class {},
})
