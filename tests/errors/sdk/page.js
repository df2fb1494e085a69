// What a page of the product brings along, bundled by esbuild: @sentry/browser as it is. The page calls these.
import * as Sentry from "@sentry/browser";

window.start = (dsn) =>
  Sentry.init({
    dsn,
    release: "shop-web@2.0.0",
    environment: "preview",
    tracesSampleRate: 1.0,
    replaysSessionSampleRate: 1.0,
    enableLogs: true,
    integrations: [
      Sentry.browserTracingIntegration(),
      Sentry.replayIntegration(),
      Sentry.feedbackIntegration({ autoInject: false }),
    ],
  });

window.crash = () => {
  Sentry.setTag("page", "checkout");
  setTimeout(function pay() {
    throw new TypeError("the basket is empty");
  });
};

window.reject = () => {
  Promise.reject(new RangeError("no such voucher"));
};

window.say = async () => {
  const about = Sentry.captureMessage("the page looks odd", "info");
  Sentry.logger.warn("a log line");
  await Sentry.flush(10_000);
  Sentry.captureFeedback({
    name: "Grace Hopper",
    email: "grace@example.test",
    message: "The button does nothing. Yours, Grace Hopper",
    url: "http://shop.test/checkout?voucher=V-1",
    associatedEventId: about,
  });
  return about;
};

window.flush = () => Sentry.flush(10_000);
window.trace = () => Sentry.getTraceData()["sentry-trace"];
