/* Opened from a folder, a page may start no Worker, and the search wants one: here a frame of the page does its work. Of
   this name the theme knows that it is there: its plugin `offline` would have each page ask another host for one. */
if (location.protocol === "file:") {
  const load = (inside, src) => new Promise((done, failed) => {
    const script = inside.document.createElement("script");
    Object.assign(script, { src, onload: done, onerror: failed });
    inside.document.head.append(script);
  });
  window.Worker = window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      this.ready = new Promise((done) => { frame.onload = done; }).then(async () => {
        const inside = frame.contentWindow;
        inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
        inside.importScripts = async (...scripts) => { for (const each of scripts) await load(inside, each); };
        await load(inside, new URL(url, location.href).href);
        return inside;
      });
      Object.assign(frame, { hidden: true, srcdoc: "<!doctype html>" });
      document.documentElement.append(frame);
    }

    async postMessage(data) {
      const inside = await this.ready;
      inside.dispatchEvent(new inside.MessageEvent("message", { data }));
    }
  };
}
