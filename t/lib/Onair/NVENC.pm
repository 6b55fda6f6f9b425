package Onair::NVENC;

# The stand-in for NVIDIA's driver (t/lib/nvenc) and its faults.
#
#   my $card = Onair::NVENC->new;       for programs started from now on
#   $card->faults(sessions => 2);       these and no others from now on;
#                                       t/lib/nvenc/README.md lists them
#   $card->file                         where they are written
#
#   main => $card->main                 of Onair::Server: its workers drop
#                                       what the environment says

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp ();

my $top = abs_path(dirname(__FILE__) . '/../../..');


sub new {
    my ($class) = @_;

    my $libraries = "$top/build/asan/nvenc";
    my $dir = File::Temp->newdir('onair-nvenc-XXXXXX', TMPDIR => 1);

    die "$libraries is missing; run tools/build --asan\n"
        if !-e "$libraries/libnvidia-encode.so.1";

    chmod 0755, "$dir";
    my $self = bless {dir => $dir}, $class;

    $self->faults;
    $ENV{ONAIR_NVENC_FAULTS} = $self->file;
    $ENV{LD_LIBRARY_PATH} = join ':', $libraries, $ENV{LD_LIBRARY_PATH} // ();

    return $self;
}


sub file { "$_[0]{dir}/faults" }
sub main { 'env ONAIR_NVENC_FAULTS=' . $_[0]->file . ';' }


sub faults {
    my ($self, %faults) = @_;

    my $new = $self->file . '.new';

    open my $out, '>', $new or die "$new: $!";
    print $out "$_ $faults{$_}\n" for sort keys %faults;
    close $out or die "$new: $!";
    rename $new, $self->file or die "rename $new: $!";
}


1;
