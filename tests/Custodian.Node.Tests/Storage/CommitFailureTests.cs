using System.Runtime.InteropServices;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

/// <summary>The disk fails under the write-ahead log: another file is put in its place, for the process's own descriptors.</summary>
public sealed partial class CommitFailureTests : IDisposable
{
    private readonly StoreFolder _folder = new();
    private readonly AccountId _account = Samples.NewAccount();
    private readonly StoredRecord _record;

    public CommitFailureTests() => _record = Samples.Record(_account);

    [Fact]
    public async Task Decide_CommitFails_EveryCallerIsRefusedAndTheStoreIsLost()
    {
        await using (SqliteAccountStore store = _folder.Open())
        {
            await store.AddAsync(_account, _record);
            // Not open for writing: every write to it is an I/O error.
            using var fault = new DescriptorFault(_folder.Options.Path + "-wal", "/dev/null", 0);
            Task<Decision<EvaluateGrant>>[] calls = [.. Enumerable.Range(0, 20).Select(_ => store.EvaluateAsync(_account, _record.Id))];
            foreach (Task<Decision<EvaluateGrant>> call in calls)
            {
                Assert.Equal(StorageFault.Unavailable, (await Assert.ThrowsAsync<StorageException>(() => call)).Fault);
            }

            Assert.Equal(StorageFault.Unavailable, (await store.Failed).Fault);
            await Assert.ThrowsAsync<StorageException>(() => store.EvaluateAsync(_account, _record.Id));
            await Assert.ThrowsAsync<StorageException>(() => store.ReadAsync(_account));
        }

        await using SqliteAccountStore restarted = _folder.Open();
        Samples.AssertSame(Account.Empty.Add(_record), await restarted.ReadAsync(_account));
        Assert.NotNull((await restarted.EvaluateAsync(_account, _record.Id)).Answer);
    }

    [Fact]
    public async Task Decide_DiskFullAtTheCommit_IsRefusedAndTheStoreGoesOn()
    {
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_account, _record);
        AccountId gone = Samples.NewAccount();
        StoredRecord destroyed = Samples.Record(gone);
        await store.AddAsync(gone, destroyed);
        // Leaves the log empty, so that nothing needs to be read from it.
        await store.DestroyAsync(gone, destroyed.Id);
        using (new DescriptorFault(_folder.Options.Path + "-wal", "/dev/full", 2))
        {
            Task<Decision<EvaluateGrant>>[] calls = [.. Enumerable.Range(0, 5).Select(_ => store.EvaluateAsync(_account, _record.Id))];
            foreach (Task<Decision<EvaluateGrant>> call in calls)
            {
                Assert.Equal(StorageFault.Full, (await Assert.ThrowsAsync<StorageException>(() => call)).Fault);
            }
        }

        Assert.False(store.Failed.IsCompleted);
        Samples.AssertSame(_record, (await store.ReadAsync(_account)).Records[0]);
        Assert.NotNull((await store.EvaluateAsync(_account, _record.Id)).Answer);
        Assert.Equal(1u, (await store.ReadAsync(_account)).Records[0].AttemptsUsed);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Makes every descriptor of this process for one file mean another, for the life of this object.</summary>
    private sealed partial class DescriptorFault : IDisposable
    {
        private readonly List<(int Descriptor, int Saved)> _replaced = [];

        internal DescriptorFault(string path, string substitute, int openFlags)
        {
            int other = Open(substitute, openFlags);
            Assert.True(other >= 0);
            foreach (string link in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
            {
                int descriptor = int.Parse(Path.GetFileName(link), System.Globalization.CultureInfo.InvariantCulture);
                if (new FileInfo(link).LinkTarget == path)
                {
                    _replaced.Add((descriptor, Duplicate(descriptor)));
                    Assert.Equal(descriptor, Replace(other, descriptor));
                }
            }

            _ = Close(other);
            Assert.NotEmpty(_replaced);
        }

        public void Dispose()
        {
            foreach ((int descriptor, int saved) in _replaced)
            {
                Assert.Equal(descriptor, Replace(saved, descriptor));
                _ = Close(saved);
            }
        }

        [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
        private static partial int Open(string path, int flags);

        [LibraryImport("libc", EntryPoint = "dup")]
        private static partial int Duplicate(int descriptor);

        [LibraryImport("libc", EntryPoint = "dup2")]
        private static partial int Replace(int source, int descriptor);

        [LibraryImport("libc", EntryPoint = "close")]
        private static partial int Close(int descriptor);
    }
}
