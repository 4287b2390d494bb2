// As the node itself: it is built for Linux.
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
