using System.Buffers;
using System.Text;

namespace Grpc.Core;

public sealed partial class Metadata
{
    /// <summary>One key of metadata with its value: bytes where the key ends in <c>-bin</c>, ASCII text elsewhere.</summary>
    public class Entry
    {
        private static readonly SearchValues<char> KeyCharacters = SearchValues.Create(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

        private readonly string? text;
        private readonly byte[]? bytes;

        /// <summary>An entry that holds bytes.</summary>
        /// <param name="key">The key; it is lower-cased, and must end in <c>-bin</c>. Letters, digits, <c>.</c>, <c>_</c> and <c>-</c> are allowed.</param>
        /// <param name="valueBytes">The bytes, which are copied.</param>
        /// <exception cref="ArgumentNullException">An argument is null.</exception>
        /// <exception cref="ArgumentException">The key is not a valid one for bytes.</exception>
        public Entry(string key, byte[] valueBytes)
        {
            Key = NormalizedKey(key);
            if (!IsBinary)
            {
                throw new ArgumentException("Key for binary valued metadata entry needs to have suffix indicating binary value.", nameof(key));
            }

            ArgumentNullException.ThrowIfNull(valueBytes);
            bytes = [.. valueBytes];
        }

        /// <summary>An entry that holds text.</summary>
        /// <param name="key">The key; it is lower-cased, and may not end in <c>-bin</c>. Letters, digits, <c>.</c>, <c>_</c> and <c>-</c> are allowed.</param>
        /// <param name="value">The text. Only ASCII can be sent; that is left to the transport to check.</param>
        /// <exception cref="ArgumentNullException">An argument is null.</exception>
        /// <exception cref="ArgumentException">The key is not a valid one for text.</exception>
        public Entry(string key, string value)
        {
            Key = NormalizedKey(key);
            if (IsBinary)
            {
                throw new ArgumentException("Key for ASCII valued metadata entry cannot have suffix indicating binary value.", nameof(key));
            }

            ArgumentNullException.ThrowIfNull(value);
            text = value;
        }

        /// <summary>The key, in lower case.</summary>
        public string Key { get; }

        /// <summary>The bytes, as a copy; the ASCII bytes of the text where the entry holds text.</summary>
        public byte[] ValueBytes => bytes is null ? Encoding.ASCII.GetBytes(text!) : [.. bytes];

        /// <summary>The text.</summary>
        /// <exception cref="InvalidOperationException">The entry holds bytes.</exception>
        public string Value => text ?? throw new InvalidOperationException("Cannot access string value of a binary metadata entry");

        /// <summary>Whether the entry holds bytes.</summary>
        public bool IsBinary => Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        /// <inheritdoc/>
        public override string ToString() => IsBinary ? $"[Entry: key={Key}, valueBytes={bytes}]" : $"[Entry: key={Key}, value={text}]";

        private static string NormalizedKey(string key)
        {
            ArgumentNullException.ThrowIfNull(key);
            // Checked first: some letters beyond ASCII have an ASCII letter for their lower case.
            return key.Length > 0 && !key.AsSpan().ContainsAnyExcept(KeyCharacters)
                ? key.ToLowerInvariant()
                : throw new ArgumentException(
                    "Metadata entry key not valid. Keys can only contain lowercase alphanumeric characters, underscores, hyphens and dots.", nameof(key));
        }
    }
}
