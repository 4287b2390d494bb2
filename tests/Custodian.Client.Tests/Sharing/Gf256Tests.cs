using System.Runtime.Intrinsics;

namespace Custodian.Client.Tests.Sharing;

public sealed class Gf256Tests
{
    [Fact]
    public void MultiplyPublic_AllPairs_AreThePolynomialProducts()
    {
        for (int a = 0; a < 256; a++)
        {
            for (int b = 0; b < 256; b++)
            {
                Assert.Equal(Reference(a, b), Gf256.MultiplyPublic((byte)a, (byte)b));
            }
        }
    }

    [Fact]
    public void MultiplyVector_AllPairs_AreThePolynomialProducts()
    {
        byte[] elements = [.. Enumerable.Range(0, 256).Select(a => (byte)a)];
        for (int factor = 0; factor < 256; factor++)
        {
            for (int start = 0; start < 256; start += 32)
            {
                Vector256<ulong> product = Gf256.Multiply(Vector256.Create<byte>(elements.AsSpan(start)).AsUInt64(), (uint)factor);
                for (int i = 0; i < 32; i++)
                {
                    Assert.Equal(Reference(start + i, factor), product.AsByte()[i]);
                }
            }
        }
    }

    [Fact]
    public void DividePublic_AllPairs_UndoesTheProduct()
    {
        for (int a = 0; a < 256; a++)
        {
            for (int b = 1; b < 256; b++)
            {
                Assert.Equal(a, Gf256.DividePublic(Reference(a, b), (byte)b));
            }
        }
    }

    /// <summary>Schoolbook: the product of the polynomials, then the remainder by long division.</summary>
    private static byte Reference(int a, int b)
    {
        int product = 0;
        for (int bit = 0; bit < 8; bit++)
        {
            if ((b >> bit & 1) == 1)
            {
                product ^= a << bit;
            }
        }

        for (int bit = 14; bit >= 8; bit--)
        {
            if ((product >> bit & 1) == 1)
            {
                product ^= 0b1_0001_1011 << bit - 8;
            }
        }

        return (byte)product;
    }
}
