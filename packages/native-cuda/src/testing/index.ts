export {
  type FakeConfCompute,
  type FakeDeviceOptions,
  type FakeDriver,
  type FakeDriverLibrary,
  type FakeDriverOptions,
  type FakeFailure,
  type FakeFigure,
  type FakeScheduling,
  type FakeStatistics,
  fakeDriver,
  fakeDriverLibrary,
} from "./fake-driver.js";
export { fakeFigureNames, type FakeFigureName } from "./fake-figures.js";
