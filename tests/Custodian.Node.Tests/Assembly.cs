// A PKCS#11 module has one state per process, and SoftHSM reads its configuration when that state begins.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

// As the node itself: it is built for Linux.
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
